"""What reads rows without a loop of the function's own: serializers, response models and templates."""
