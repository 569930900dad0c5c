"""The bundled sample: an invented reseller, its billing configuration, and deliveries as AWS writes them.

What is here: an example configuration (``billing/*.csv``), a seeded generator of Cost and Usage Report
deliveries (``generate``), the generator's own account of what every bill must come to (``expected``), and the
function that puts all three into a workspace (``install``). Import from the submodules; importing this
package does nothing.

How it hangs together: ``catalogue`` (what AWS sells) and ``story`` (who runs what) are turned by ``month``
into ``facts``; ``expected`` reads the configuration (``policies``) and books every fact by the billing rules,
``commitment_use`` what reservations and Savings Plans did, ``group_level`` what concerns a whole group,
``customer_credits`` and ``customer_tax`` what comes after the lines; ``expectations`` is what the books close with.
``columns`` and ``deliveries`` write the same facts in the three forms AWS delivers. Books and files never read
each other.

When to add here: a shape of real billing data, or a rule, that the sample months should show.
What does not belong here: anything that reads deliveries or computes bills for real data.
"""
