from django.apps import AppConfig


class RecommenderConfig(AppConfig):
    name = "recommender"
    # For `customers.privacy`: what is worked out of a person and kept nowhere.
    tells_of_people = "recommender.contributions.of_person"
