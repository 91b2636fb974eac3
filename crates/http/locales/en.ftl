# Messages of the HTTP interface.

body_too_large = The body is larger than { $limit } bytes.
    .remedy = Send less at a time.
body_incomplete = The body ended before it was complete.
malformed_json = The body is not JSON: { $problem }.
    .remedy = Send one JSON object with a member for each input.
malformed_address = The address is not text in UTF-8.
unknown_parameter = “{ $name }” is not a query parameter of this address.
    .remedy = Send inputs as members of a JSON object in the body.
not_json = The body is not said to be JSON.
    .remedy = Send it with “Content-Type: application/json”.
token_missing = This needs a token.
    .remedy = Send it as “Authorization: Bearer TOKEN”.
token_unknown = Nobody holds this token.
    .remedy = It may be mistyped, revoked or expired. Ask a member of the staff for a new one.
token_unchecked = Nobody could say in time whose token this is.
    .remedy = Try again in a moment.
too_many_wrong_tokens = Too many wrong tokens came from your address.
    .remedy =
        { $seconds ->
            [one] Try again in a second.
           *[other] Try again in { $seconds } seconds.
        }
unknown_route = There is nothing at { $path }.
    .remedy = Did you mean: { $near }?
wrong_method = { $method } does not work at { $path }.
    .remedy = The Allow header names the methods that do.
request_too_slow = The body did not arrive in time.
    .remedy = Send it faster, or send less.
still_running = The operation takes longer than { $seconds } seconds. It goes on.
    .remedy = Look at its result before you repeat it.
overloaded = Guildhall is busy with other requests.
    .remedy = Try again in a moment.
too_many_streams = Too many event streams are open.
    .remedy = Close one of yours, or try again later.

# What is wrong with one input; the input's name stands before it.

http_given_twice = is in the address already, with another value.
http_no_subject = is neither server:ID, host:NAME nor community.
http_no_run = is not the id of a run.
http_no_parameter = is not known here; use subject, run and after.
http_no_cursor = is not an event's id, a whole number from 0 on.
