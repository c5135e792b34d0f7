"""Parts of the discovery of symmetries from gradients: families of fields, equations, spectra, names."""
