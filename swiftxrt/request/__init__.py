"""What is asked for: requests and their parts. Nothing here touches files of data or networks."""
