// Advisor begins here.
