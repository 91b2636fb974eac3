# Was hier schiefgehen kann.
