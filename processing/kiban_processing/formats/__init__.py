"""取込形式 (formats): hospitals' files become typed rows and findings."""
