"""The paid products: what each accepts, computes and answers. ``registry`` lists them."""
