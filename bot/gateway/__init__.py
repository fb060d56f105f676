"""Between people and Rasa: what they send is stored, answered in order, and nothing is lost on the way."""
