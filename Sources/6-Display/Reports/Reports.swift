// Reports begins here.
