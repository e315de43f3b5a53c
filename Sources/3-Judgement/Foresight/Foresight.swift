// Foresight begins here.
