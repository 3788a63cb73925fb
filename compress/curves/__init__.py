"""Live curves: a run's numbers in TensorBoard or MLflow while it goes on."""
