"""Heavy work in processes that can be killed: a pool of workers, and the limits within one."""
