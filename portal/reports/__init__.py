"""Reports for administrators and the readers they name: visits by page, in charts, by month, and as a file."""
