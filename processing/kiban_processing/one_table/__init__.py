"""一表の加工 (one table): the steps of the stand-alone tool, from a file that the catalogue does not know to files, a report and a page."""
