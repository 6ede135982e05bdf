"""Assets by stage of the loop. What a step does is in `pipelines.flows` and `quality`; here is only order, checks and figures."""
