"""Certification by randomised smoothing, of any network.

``confidence``  Clopper–Pearson bounds, radii, thresholds that are integers
``noise``       a generator for each (model, image, stage)
``voting``      counts the labels of noisy copies; memory grows with a batch, never with n
``sequential``  when to stop: after n draws, or when the radius is settled on a grid
``certify``     CERTIFY: class and radius
``predict``     PREDICT: class only

:class:`harness_vision.smoothed.SmoothedClassifier` puts them together.
"""
