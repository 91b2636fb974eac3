# What can go wrong here.

incident_not_found = There is no error “{ $name }” in the last 90 days.
    .remedy = Give the fingerprint from /errors list, or a reference such as E-1A2B3C4D. The audit record keeps every reference.
incident_resolved = This error has been resolved for { $span } already.
    .remedy = If it happens again, it opens by itself.
incident_target = A rehearsal strikes at an operation or at an upstream: name one of them, not both.
    .remedy = For example operation:“server start”, or upstream:discord.
incident_operation = There is no operation “{ $name }” to rehearse in.
    .remedy = Did you mean: { $near }? A star, *, is every one.
incident_no_upstream = Guildhall speaks to no system called “{ $name }” here.
    .remedy = There are: { $known }.
incident_code = “{ $code }” is no error code.
    .remedy = A code is made of a to z, 0 to 9 and _, such as server_not_found.
incident_everywhere = A rehearsal in every operation strikes at most { $most } times.
    .remedy = Ask for fewer times, or name one operation.

# What is said around an error.

incident_reference = If it stays, give the staff this reference:
incident_upstream = Something that Guildhall depends on does not answer.
    .remedy = Try again in a minute.
incident_again =
    { $count ->
        [one] once more
       *[other] { $count } more times
    }
incident_repeats_minutes =
    { $minutes ->
        [one] ({ $times } in the last minute)
       *[other] ({ $times } in the last { $minutes } minutes)
    }
incident_repeats_seconds = ({ $times } in the last { $seconds } seconds)
incident_code_label = Code
incident_kind_label = Kind
incident_kind =
    { $kind ->
        [user] what was put in
        [permission] permission
        [limit] limit
        [not_found] not found
        [conflict] conflict
        [upstream] another system
       *[other] fault of Guildhall
    }
incident_rehearsal = Rehearsal: { $message }
incident_inputs_label = Inputs
