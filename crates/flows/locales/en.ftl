# Messages of the workflow engine. “too_large” is the store's.

already_under_way = This is already under way.
    .remedy = Wait until it is done. If it does not go on, tell who runs this installation.
flow_not_found = There is no such job.
    .remedy = It may have ended long ago. /flow list shows those under way.
flow_settled = That job has ended already.
flow_not_stuck = That job is not stuck.
    .remedy = There is nothing to do: it goes on by itself, or it has ended.
too_many_signals = That job is still busy with what it was told.
    .remedy = Try again in a moment.
