"""Trained spiking networks of any number of layers, as libraries for training and NIR graphs describe them."""
