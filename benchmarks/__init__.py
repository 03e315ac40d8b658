"""What is promised as a speed, runnable by one command: ``jiaoyan bench NAME``. Ratios against a peer in the same run."""
