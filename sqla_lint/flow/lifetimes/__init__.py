"""Sessions and their instances from the making to the closing: who owns them, what ends them, who else has them."""
