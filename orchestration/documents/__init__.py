"""Issued documents as files: PDF with its e-invoice inside, XML, XLSX and CSV, all from one frozen content.

What is here: the narrow interface that commands and pages use.

- ``content.Document.parse(bytes)`` reads and checks the frozen content; ``to_bytes()`` gives the same bytes back.
- ``batch.render(content, style)`` gives the files of one document, ``batch.render_all(...)`` writes those of many.
- ``pdf.Style.of_issuer(billing, issuer_id)`` finds logo and fonts in the billing folder.
- ``einvoice.electronic_invoice(document)`` is the EN 16931 XML, ``einvoice.refusal(document)`` why there is none.
- ``validation.problems(xml)`` runs the XML schema and the EN 16931 rules.
- ``letters`` holds the inputs of reminders, statements of account and cover statements; ``letter_pdf`` prints them.

When to add here: another form in which a document is handed out.
What does not belong here: computing amounts, numbering and keeping documents; a file here can always be made again from
the content that the ledger keeps.
"""
