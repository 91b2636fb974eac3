# Messages of the store.

store_unreachable = The database cannot be reached.
    .remedy = Try again in a moment; if it stays, tell who runs this installation.
store_busy = The database is busy.
    .remedy = Try again in a moment.
store_full = The database has no space left.
    .remedy = Who runs this installation must free some space on its disk.
already_there = There is one like this already.
    .remedy = Choose another name, or use the one that is there.
too_large = The { $what } is { $size } bytes; at most { $limit } are kept.
    .remedy = Make it smaller.
token_exists = There is a token named { $name } already.
    .remedy = Choose another name, or revoke that one first.

# What is wrong with one input; the input's name stands before it.

token_name = is not made of 1 to 64 visible characters.
