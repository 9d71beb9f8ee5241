"""Accounts in the back office: users and their roles; the rest is for looking."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from commerce.accounts.models import (
    ApiClient,
    Contact,
    Membership,
    Organisation,
    Party,
    StaffRole,
    Unit,
    User,
)


class StaffRoles(admin.TabularInline):  # type: ignore[type-arg]
    model = StaffRole
    extra = 0


@admin.register(User)
class Users(UserAdmin):  # type: ignore[type-arg]
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "is_staff")
    search_fields = ("email", "first_name", "last_name")
    inlines = (StaffRoles,)
    raw_id_fields = ("party",)
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (None, {"fields": ("first_name", "last_name", "language", "party")}),
        (None, {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)


@admin.register(Party)
class Parties(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("display_name", "kind", "segment", "email", "phone")
    search_fields = ("display_name", "email", "phone")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Customers are erased by a service that keeps the books legal."""
        return False


@admin.register(Organisation)
class Organisations(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("legal_name", "siren")
    search_fields = ("legal_name", "siren")
    raw_id_fields = ("party",)


@admin.register(Unit)
class Units(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "organisation", "parent")
    list_select_related = ("organisation", "parent")
    raw_id_fields = ("organisation", "parent")


@admin.register(Membership)
class Memberships(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "role", "order_limit", "active")
    raw_id_fields = ("unit", "user")


@admin.register(ApiClient)
class ApiClients(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "membership", "active")
    raw_id_fields = ("application", "membership")


@admin.register(Contact)
class Contacts(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("started_at", "agent", "reason", "level")
    list_select_related = ("agent",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was said is not rewritten."""
        return False
