"""The search index, and how its texts are read: without accents, by the stems of each language."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations, models

# `search_plain` keeps words whole: for beginnings of words, and to collect them.
READERS = (("search_fr", "french", "french_stem"), ("search_en", "english", "english_stem"), ("search_plain", "simple", "simple"))
FORWARD = "\n".join(
    f"""CREATE TEXT SEARCH CONFIGURATION {name} (COPY = {model});
    ALTER TEXT SEARCH CONFIGURATION {name} ALTER MAPPING FOR hword, hword_part, word WITH unaccent, {stem};"""
    for name, model, stem in READERS
)
BACKWARD = "\n".join(f"DROP TEXT SEARCH CONFIGURATION {name};" for name, _, _ in READERS)


class Migration(migrations.Migration):
    dependencies = [("offering", "0004_drafts")]
    operations = [
        UnaccentExtension(),
        TrigramExtension(),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.CreateModel(
            name="SearchIndex",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.PositiveIntegerField()),
                ("words", django.contrib.postgres.search.SearchVectorField()),
                ("index", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="offering.searchindex")),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["words"], name="search_by_words")],
                "constraints": [models.UniqueConstraint(fields=("index", "place"), name="search_place_once")],
            },
        ),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=64)),
                ("entries", models.PositiveIntegerField(help_text="offerings that say it")),
                ("index", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="words", to="offering.searchindex")),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["word"], name="search_by_trigrams", opclasses=["gin_trgm_ops"])],
                "constraints": [models.UniqueConstraint(fields=("index", "word"), name="search_word_once")],
            },
        ),
    ]
