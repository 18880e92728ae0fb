"""What the lab's hosts serve: names, pages, the helper, a captive portal. One process serves them all."""
