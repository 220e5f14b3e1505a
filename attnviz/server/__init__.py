"""The HTTP server: admission of requests, order of computation, answers, errors, metrics and logs."""
