"""提供データの読取り (deliveries): the standard files of Japanese hospitals become typed rows of the catalogue and findings, in streams."""
