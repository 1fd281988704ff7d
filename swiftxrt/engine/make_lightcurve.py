STEPS = ("Prepare data and find regions.", "Bin the light curve.")
