"""The flows of the canary, part by part: what people do, what goes wrong, and where the story has to have been."""
