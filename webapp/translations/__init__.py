"""The English catalogue, and what keeps it complete: Chinese is the message id everywhere."""
