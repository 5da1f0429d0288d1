"""What `spikedtp.jobs.train` works with: a run under way, what is kept of it, and the file of an unfinished one."""
