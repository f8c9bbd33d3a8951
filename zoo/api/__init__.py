"""What `import zoo` offers: the models, their nets, weights, data and training, each by one call. No flags."""
