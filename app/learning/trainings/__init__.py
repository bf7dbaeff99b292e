"""Learning from chips: epochs, the loss, what is measured, and how an interrupted training goes on."""
