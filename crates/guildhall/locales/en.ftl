# Messages of the operations on the installation itself.

rank_too_high = You cannot give rank { $rank }; yours is { $yours }.
    .remedy = Choose a rank up to your own.
token_not_found = There is no token “{ $name }” in use.
    .remedy =
        { $count ->
            [0] No token is in use; /token create makes one.
           *[other] There is: { $near }.
        }
not_a_flow = That is not the number of a job.
    .remedy = /flow list shows the numbers.
scope_unknown = There is no operation and no group of operations called “{ $name }”.
    .remedy =
        { $count ->
            [0] “guildhall operations” lists them; “server” covers all that begin with it.
           *[other] Did you mean: { $near }?
        }
