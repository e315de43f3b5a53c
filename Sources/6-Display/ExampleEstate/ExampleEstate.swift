// ExampleEstate begins here.
