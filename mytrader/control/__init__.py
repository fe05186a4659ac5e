"""The local door into a running trader: who may knock, what may be asked, what is answered."""
