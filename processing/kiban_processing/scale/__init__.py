"""規模 (scale): the same plan on Spark, for an operator who outgrows one machine; needs the extra `spark`."""
