"""加工の方法 (transforms): one module per treatment a processing plan can name."""
