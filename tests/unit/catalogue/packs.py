"""Three bundles in one another, beside the demo's: home office > work kit > sound kit."""

PACKS = """\
bundles:
  - code: sound-kit
    category: offres
    name: {fr: Pack son, en: Sound kit}
    summary: {fr: De la musique au travail., en: Music at work.}
    segments: [consumer]
    terms: [0, 12, 24]
    rank: 90
    slots:
      - {role: content, kind: content, minimum: 1, maximum: 3, candidates: {fact: content.service, is: music}}
    prices:
      - {role: content, offerings: {fact: content.code, is: ondine-musique}, code: monthly, consumer: 6.99}
  - code: work-kit
    category: offres
    name: {fr: Pack travail, en: Work kit}
    summary: {fr: De quoi travailler., en: What work needs.}
    segments: [consumer]
    terms: [0, 12, 24]
    rank: 91
    slots:
      - {role: accessory, kind: accessory, minimum: 1, maximum: 2}
      - {bundle: sound-kit, minimum: 0}
    prices:
      - {role: accessory, offerings: {fact: accessory.code, is: chargeur-30w}, code: price, consumer: 19.90}
      - {role: content, offerings: {fact: content.code, is: ondine-musique}, code: monthly, consumer: 5.99}
  - code: home-office
    category: offres
    name: {fr: Bureau à la maison, en: Home office}
    summary: {fr: "Un téléphone, un forfait et un bureau.", en: "A phone, a plan and an office."}
    segments: [consumer]
    terms: [0, 12, 24]
    rank: 92
    slots:
      - {bundle: work-kit, minimum: 0}
      - {bundle: handset-and-plan}
    prices:
      - {role: content, offerings: {fact: content.code, is: ondine-musique}, code: monthly, consumer: 4.99, terms: [24]}
rules:
  - code: office-without-mini
    kind: excludes
    when: {all: [{fact: bundle.codes, includes: work-kit}, {not: {fact: content.code, absent: true}}]}
    then: {fact: plan.code, is: grand-large-300}
    message: {fr: "Ce forfait ne va pas avec le pack.", en: "This plan does not go with the pack."}
    way_out: {fr: "Prenez un autre forfait.", en: "Take another plan."}
"""  # noqa: E501
