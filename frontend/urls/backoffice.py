"""The catalogue manager's pages."""

from django.urls import path

from frontend.views import backoffice, codes, stock

app_name = "backoffice"
urlpatterns = [
    path("backoffice/", backoffice.home, name="home"),
    path("backoffice/acts/", backoffice.acts, name="acts"),
    path("backoffice/codes/", codes.batches_page, name="codes"),
    path("backoffice/codes/<int:batch>/export/", codes.export, name="codes_export"),
    path("backoffice/stock/", stock.stock_page, name="stock"),
    path("backoffice/stock/<slug:partner>.csv", stock.stock_file, name="stock_file"),
    path("backoffice/releases/", backoffice.releases_page, name="releases"),
    path("backoffice/releases/<int:number>/", backoffice.release, name="release"),
    path("backoffice/releases/<int:number>/files/", backoffice.files, name="files"),
    path("backoffice/releases/<int:number>/act/", backoffice.act_on_release, name="release_act"),
    path("backoffice/drafts/", backoffice.begin, name="begin"),
    path("backoffice/drafts/<int:draft_id>/", backoffice.draft, name="draft"),
    path("backoffice/drafts/<int:draft_id>/findings/", backoffice.findings, name="findings"),
    path("backoffice/drafts/<int:draft_id>/changes/", backoffice.changes, name="changes"),
    path("backoffice/drafts/<int:draft_id>/trial/", backoffice.trial_page, name="trial"),
    path("backoffice/drafts/<int:draft_id>/prices/", backoffice.prices, name="prices"),
    path("backoffice/drafts/<int:draft_id>/publish/", backoffice.publish, name="publish"),
    path("backoffice/drafts/<int:draft_id>/act/", backoffice.act_on_draft, name="draft_act"),
    path("backoffice/drafts/<int:draft_id>/preview/", backoffice.preview, name="preview"),
    path("backoffice/preview/end/", backoffice.end_preview, name="end_preview"),
    path(
        "backoffice/drafts/<int:draft_id>/new/<slug:section>/", backoffice.new_part, name="new_part"
    ),
    path(
        "backoffice/drafts/<int:draft_id>/parts/<slug:section>/<path:key>/",
        backoffice.part,
        name="part",
    ),
]
