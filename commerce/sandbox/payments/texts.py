"""The words of the hosted pages, in English and French, and money as each language writes it."""

from collections.abc import Mapping

Words = Mapping[str, str]

ENGLISH: Words = {
    "lang": "en",
    "pay_title": "Payment",
    "pay_to": "Pay {merchant}",
    "back": "Back to {merchant}",
    "test_mode": "Test mode",
    "summary": "Your order",
    "quantity": "Qty {count}",
    "each": "{price} each",
    "total": "Total due",
    "card_heading": "Pay by card",
    "email": "E-mail",
    "number": "Card number",
    "expiry": "Expiry date",
    "expiry_hint": "MM / YY",
    "cvc": "Security code (CVC)",
    "cvc_hint": "3 digits on the back, 4 on the front for American Express",
    "name": "Name on card",
    "pay": "Pay {amount}",
    "authorise": "Authorise {amount}",
    "held": "The amount is held on your card, and taken when your order is accepted.",
    "kept": "Your card is kept for coming bills with {merchant}, as you agreed there.",
    "errors": "Please check the fields marked below.",
    "not_paid": "The payment did not go through.",
    "test_cards": "Test cards",
    "test_note": "No real card is accepted here, and no card number is kept. Any future date and"
    " any security code will do.",
    "case_ok": "Accepted",
    "case_sca": "Bank asks for authentication",
    "case_sca_refused": "Authentication, then insufficient funds",
    "case_declined": "Declined",
    "case_funds": "Insufficient funds",
    "case_expired": "Expired card",
    "case_cvc": "Wrong security code",
    "case_processing": "Processing error",
    "paid_title": "This payment is done",
    "paid_text": "You have already paid {amount} to {merchant}. You were not charged twice.",
    "held_text": "{amount} is already held on your card for {merchant}. Nothing is held twice.",
    "paid_link": "Go on to {merchant}",
    "expired_title": "This payment page has expired",
    "expired_text": "Nothing was taken from your card. Go back to {merchant} to start again.",
    "unknown_title": "There is no such payment page",
    "unknown_text": "The link is incomplete or no longer valid. Go back to the shop and try again.",
    "bank_title": "Confirm with your bank",
    "bank_name": "Test bank",
    "bank_text": "{merchant} asks for {amount} from your card ending in {last4}. Your bank wants to"
    " be sure that it is you.",
    "bank_setup_text": "{merchant} asks to keep your card ending in {last4} for coming bills."
    " Your bank"
    " wants to be sure that it is you.",
    "bank_complete": "Complete authentication",
    "bank_fail": "Fail authentication",
    "bank_done_title": "Nothing to confirm",
    "bank_done_text": "This payment no longer waits for your bank. You can close this page.",
    "bank_passed_text": "Your bank has confirmed. You can close this page.",
    "bank_failed_text": "The authentication failed. You can close this page and try again.",
    "setup_card_title": "Add a card",
    "setup_debit_title": "Pay by direct debit",
    "setup_card_heading": "Your card",
    "setup_debit_heading": "Your bank account",
    "nothing_now": "Nothing is taken now. {merchant} tells you before each bill is collected.",
    "not_kept": "Your card was not added.",
    "keep_card": "Add this card",
    "iban": "IBAN",
    "iban_hint": "It stands on your bank details or in your bank’s app.",
    "holder": "Account holder",
    "mandate": "By clicking the button you authorise {merchant} to send instructions to your bank"
    " to"
    " debit your account, and your bank to debit it accordingly. You are entitled to a refund from"
    " your bank under the terms of your agreement with it, to be claimed within 8 weeks of the"
    " debit. You are told of each debit beforehand.",
    "agree": "Authorise direct debits",
    "test_accounts": "Test accounts",
    "test_account_note": "No real account is accepted here, and no account number is kept.",
    "case_paid": "Paid after five working days",
    "case_debit_funds": "Refused: insufficient funds",
    "case_closed": "Refused: account closed",
    "case_revoked": "Refused: the holder has revoked the mandate",
    "case_returned": "Paid, then taken back by the holder",
    "added_title": "This is done",
    "added_text": "Your payment method is kept for coming bills with {merchant}.",
    "receipt_title": "Receipt",
    "receipt_text": "{amount} paid to {merchant} with the card ending in {last4}.",
    "receipt_debit_text": "{amount} paid to {merchant} from the account ending in {last4}.",
    "receipt_held_text": "{amount} held for {merchant} on the card ending in {last4}.",
    "refunded_text": "Refunded: {amount}",
    "e_email": "Enter an e-mail address such as name@example.com.",
    "e_number_missing": "Enter your card number.",
    "e_number": "This card number is not valid. Check each digit.",
    "e_number_live": "Only test cards are accepted here, for instance 4242 4242 4242 4242.",
    "e_expiry": "Enter the expiry date as month and year, such as 04 / 29.",
    "e_expiry_past": "This card has expired. Use another one.",
    "e_iban_missing": "Enter your IBAN.",
    "e_iban": "This IBAN is not valid. Check each character.",
    "e_iban_live": "Only test accounts are accepted here, for instance"
    " FR14 2004 1010 0505 0001 3M02 606.",
    "e_cvc": "Enter the {digits} digits of the security code.",
    "e_name": "Enter the name as it stands on the card.",
    "e_holder": "Enter the name of the account holder.",
    "d_generic_decline": "Your card was declined. Try another card or ask your bank.",
    "d_insufficient_funds": "There are insufficient funds on your card. Try another card.",
    "d_lost_card": "Your card was declined. Try another card or ask your bank.",
    "d_stolen_card": "Your card was declined. Try another card or ask your bank.",
    "d_fraudulent": "Your card was declined. Try another card or ask your bank.",
    "d_card_velocity_exceeded": "Your card was declined: too many payments in a short time.",
    "d_expired_card": "Your card has expired. Try another card.",
    "d_incorrect_cvc": "The security code is wrong. Check it and try again.",
    "d_processing_error": "Your card could not be processed. Try again in a moment.",
    "d_authentication": "Your bank did not confirm the payment. Try again or use another card.",
}

FRENCH: Words = {
    "lang": "fr",
    "pay_title": "Paiement",
    "pay_to": "Payer {merchant}",
    "back": "Retour chez {merchant}",
    "test_mode": "Mode test",
    "summary": "Votre commande",
    "quantity": "Qté {count}",
    "each": "{price} l’unité",
    "total": "Total à payer",
    "card_heading": "Payer par carte",
    "email": "Adresse e-mail",
    "number": "Numéro de carte",
    "expiry": "Date d’expiration",
    "expiry_hint": "MM / AA",
    "cvc": "Cryptogramme (CVC)",
    "cvc_hint": "3 chiffres au dos, 4 au recto pour American Express",
    "name": "Nom sur la carte",
    "pay": "Payer {amount}",
    "authorise": "Autoriser {amount}",
    "held": "Le montant est réservé sur votre carte, puis débité à l’acceptation de la commande.",
    "kept": "Votre carte est conservée pour vos prochaines factures chez {merchant}, comme vous"
    " l’avez accepté.",
    "errors": "Vérifiez les champs signalés ci‑dessous.",
    "not_paid": "Le paiement n’a pas abouti.",
    "test_cards": "Cartes de test",
    "test_note": "Aucune vraie carte n’est acceptée ici et aucun numéro n’est conservé. Toute date"
    " à venir et tout cryptogramme conviennent.",
    "case_ok": "Acceptée",
    "case_sca": "La banque demande une authentification",
    "case_sca_refused": "Authentification, puis provision insuffisante",
    "case_declined": "Refusée",
    "case_funds": "Provision insuffisante",
    "case_expired": "Carte expirée",
    "case_cvc": "Cryptogramme erroné",
    "case_processing": "Erreur de traitement",
    "paid_title": "Ce paiement est effectué",
    "paid_text": "Vous avez déjà payé {amount} à {merchant}. Vous n’avez pas été débité deux fois.",
    "held_text": "{amount} sont déjà réservés sur votre carte pour {merchant}. Rien n’est réservé"
    " deux fois.",
    "paid_link": "Continuer chez {merchant}",
    "expired_title": "Cette page de paiement a expiré",
    "expired_text": "Votre carte n’a pas été débitée. Retournez chez {merchant} pour recommencer.",
    "unknown_title": "Cette page de paiement n’existe pas",
    "unknown_text": "Le lien est incomplet ou n’est plus valable. Retournez à la boutique pour"
    " réessayer.",
    "bank_title": "Confirmez auprès de votre banque",
    "bank_name": "Banque de test",
    "bank_text": "{merchant} demande {amount} sur votre carte se terminant par {last4}. Votre"
    " banque veut s’assurer qu’il s’agit bien de vous.",
    "bank_setup_text": "{merchant} demande à conserver votre carte se terminant par {last4} pour"
    " vos"
    " prochaines factures. Votre banque veut s’assurer qu’il s’agit bien de vous.",
    "bank_complete": "Réussir l’authentification",
    "bank_fail": "Échouer à l’authentification",
    "bank_done_title": "Rien à confirmer",
    "bank_done_text": "Ce paiement n’attend plus votre banque. Vous pouvez fermer cette page.",
    "bank_passed_text": "Votre banque a confirmé. Vous pouvez fermer cette page.",
    "bank_failed_text": "L’authentification a échoué. Vous pouvez fermer cette page et réessayer.",
    "setup_card_title": "Ajouter une carte",
    "setup_debit_title": "Payer par prélèvement",
    "setup_card_heading": "Votre carte",
    "setup_debit_heading": "Votre compte bancaire",
    "nothing_now": "Rien n’est débité maintenant. {merchant} vous prévient avant chaque"
    " encaissement.",
    "not_kept": "Votre carte n’a pas été ajoutée.",
    "keep_card": "Ajouter cette carte",
    "iban": "IBAN",
    "iban_hint": "Il figure sur votre RIB ou dans l’application de votre banque.",
    "holder": "Titulaire du compte",
    "mandate": "En cliquant sur le bouton, vous autorisez {merchant} à envoyer des instructions à"
    " votre"
    " banque pour débiter votre compte, et votre banque à le débiter conformément à ces"
    " instructions. Vous avez droit au remboursement par votre banque selon les conditions"
    " convenues"
    " avec elle, à demander dans les 8 semaines suivant le débit. Chaque prélèvement vous est"
    " annoncé"
    " à l’avance.",
    "agree": "Autoriser les prélèvements",
    "test_accounts": "Comptes de test",
    "test_account_note": "Aucun vrai compte n’est accepté ici et aucun numéro n’est conservé.",
    "case_paid": "Payé après cinq jours ouvrés",
    "case_debit_funds": "Rejeté : provision insuffisante",
    "case_closed": "Rejeté : compte clos",
    "case_revoked": "Rejeté : mandat révoqué par le titulaire",
    "case_returned": "Payé, puis repris par le titulaire",
    "added_title": "C’est fait",
    "added_text": "Votre moyen de paiement est conservé pour vos prochaines factures chez"
    " {merchant}.",
    "receipt_title": "Reçu",
    "receipt_text": "{amount} payés à {merchant} avec la carte se terminant par {last4}.",
    "receipt_debit_text": "{amount} payés à {merchant} depuis le compte se terminant par {last4}.",
    "receipt_held_text": "{amount} réservés pour {merchant} sur la carte se terminant par {last4}.",
    "refunded_text": "Remboursé : {amount}",
    "e_email": "Saisissez une adresse e-mail comme nom@exemple.fr.",
    "e_number_missing": "Saisissez le numéro de votre carte.",
    "e_number": "Ce numéro de carte n’est pas valide. Vérifiez chaque chiffre.",
    "e_number_live": "Seules les cartes de test sont acceptées ici, par exemple"
    " 4242 4242 4242 4242.",
    "e_expiry": "Saisissez le mois et l’année d’expiration, par exemple 04 / 29.",
    "e_expiry_past": "Cette carte est expirée. Utilisez-en une autre.",
    "e_iban_missing": "Saisissez votre IBAN.",
    "e_iban": "Cet IBAN n’est pas valide. Vérifiez chaque caractère.",
    "e_iban_live": "Seuls les comptes de test sont acceptés ici, par exemple"
    " FR14 2004 1010 0505 0001 3M02 606.",
    "e_cvc": "Saisissez les {digits} chiffres du cryptogramme.",
    "e_name": "Saisissez le nom tel qu’il figure sur la carte.",
    "e_holder": "Saisissez le nom du titulaire du compte.",
    "d_generic_decline": "Votre carte a été refusée. Essayez-en une autre ou contactez votre"
    " banque.",
    "d_insufficient_funds": "La provision de votre carte est insuffisante. Essayez-en une autre.",
    "d_lost_card": "Votre carte a été refusée. Essayez-en une autre ou contactez votre banque.",
    "d_stolen_card": "Votre carte a été refusée. Essayez-en une autre ou contactez votre banque.",
    "d_fraudulent": "Votre carte a été refusée. Essayez-en une autre ou contactez votre banque.",
    "d_card_velocity_exceeded": "Votre carte a été refusée : trop de paiements en peu de temps.",
    "d_expired_card": "Votre carte est expirée. Essayez une autre carte.",
    "d_incorrect_cvc": "Le cryptogramme est erroné. Vérifiez-le et réessayez.",
    "d_processing_error": "Votre carte n’a pas pu être traitée. Réessayez dans un instant.",
    "d_authentication": "Votre banque n’a pas confirmé le paiement. Réessayez ou utilisez une autre"
    " carte.",
}

SYMBOLS = {"eur": "€", "usd": "$", "gbp": "£"}


def words_for(locale: str | None, *, accept_language: str) -> Words:
    """The session's language, or the browser's where the session leaves it open."""
    wanted = accept_language if locale in (None, "auto") else locale
    return FRENCH if (wanted or "").lower().startswith("fr") else ENGLISH


def money(amount: int, currency: str, *, words: Words) -> str:
    """Minor units as people read them: €1,234.50 or 1 234,50 €."""
    whole, cents = divmod(amount, 100)
    symbol = SYMBOLS.get(currency, currency.upper())
    if words["lang"] == "fr":
        grouped = f"{whole:,}".replace(",", "\u202f")
        return f"{grouped},{cents:02d}\u00a0{symbol}"
    space = "" if currency in SYMBOLS else "\u00a0"
    return f"{symbol}{space}{whole:,}.{cents:02d}"
