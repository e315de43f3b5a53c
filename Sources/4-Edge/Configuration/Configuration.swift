// Configuration begins here.
