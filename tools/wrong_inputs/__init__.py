"""Wrong inputs for every public function, option and kind of file, and a count of how each of them ends."""
