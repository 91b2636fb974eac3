# What can be wrong with a recipe's name, and with the values of its variables.

recipe_not_found = There is no recipe called '{ $name }'.
    .remedy =
        { $count ->
            [0] No recipes are loaded; the operator's log says why.
           *[other] Did you mean: { $near }?
        }

# What is wrong with one value; its name stands before it.

value_not_a_variable =
    { $count ->
        [0] is not a variable of this recipe, which has none.
       *[other] is not a variable of this recipe; there is { $near }.
    }
value_not_a_port =
    { $count ->
        [0] is not a port of this recipe, which has none.
       *[other] is not a port of this recipe; there is { $near }.
    }
value_not_a_setting = is not a setting of this server; there is { $near }.
value_missing = has no value; set one.
value_port_zero = is 0, which is not a port; use 1 to 65535.
value_port = is a port, which is a number from { $least } to 65535.
value_too_long = is longer than { $most } characters.
value_not_one_line = holds a line end or another control character; write one line of plain text.
value_pattern = does not match { $pattern }.
value_pattern_wrong = cannot be checked, because the recipe's pattern is wrong: { $problem }.
value_not_whole = is not a whole number.
value_too_small = is { $number }, which is too small; at least { $least }.
value_too_large = is { $number }, which is too large; at most { $most }.
value_not_a_switch = is yes or no: write true or false.
value_not_a_choice = is not one of the choices: { $choices }.
value_secret = is a secret, which is 1 to 128 letters, digits and . _ ~ ! @ % ^ * + = : , / ? -
value_option = begins with '-', '+' or '@', which the game would take for an option.
value_set_and_reset = is set and reset at once; do one of them.
value_too_many = takes at most { $most } values at once.
value_idle_stop = is “off”, or a time like 15m or 2h.
value_idle_stop_short = is at least one minute.
