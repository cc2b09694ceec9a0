"""How runs are computed: accepted here, handed to Dask, computed in processes of their own."""
