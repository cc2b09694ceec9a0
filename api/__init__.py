"""The service: a thin API for runs, sensitivity and the answers of municipalities.

Routes parse and answer, `api.store` holds what is kept, `api.execution` has runs computed. No run
is computed in the process that answers requests.
"""
