"""What trained models predict: one forward pass, evaluation of a split, ensembles, and submissions.

forward, evaluation    as in training
pages                  whole ones, of what a network says of their patches
trained_model          a run at its best epoch
chosen_models          which runs are meant: the best one, the ensemble, one by name
image_predictor        what models predict of images that nobody prepared:
prediction_options     whole or in windows, mirrored too
unseen_images          made ready in memory as preparation does it, and cut
prediction_stream      through the network in full batches
sliding_windows, flipped, native_size    and back to the whole image, the right way round, in its own size
predicted_image        what is predicted of one image, in the size of its file
evaluate_run           its counts and scores on a split
predictor              its predictions for the images of the report
ensemble, voting       one prediction of several
loaded_ensemble, ensemble_scores    the models of a study's ensemble, and what it is worth
split_predictions, submission       predictions in the format that the evaluation of a task takes
"""
