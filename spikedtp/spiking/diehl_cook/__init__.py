"""The network of Diehl & Cook (2015), which learns digits without labels."""
