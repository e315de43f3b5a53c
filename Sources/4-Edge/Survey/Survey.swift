// Survey begins here.
