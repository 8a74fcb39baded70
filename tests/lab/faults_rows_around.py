"""What can go wrong with web nodes, the balancer, and hosts."""

from tests.lab.faults_row import BROKEN, PLAYS, REMEDIED, STORIES, Row

AROUND = (
    Row(
        "nginx's file was broken by hand",
        "bars what would take users off there, with nginx's own line; leaves the file as it is; users go on",
        "plan refused",
        f"{BROKEN}test_a_balancer_whose_file_was_spoilt_by_hand_bars_a_run_is_not_touched_and_goes_on_serving",
    ),
    Row(
        "the file of one of two nginx was broken by hand, and the primary is lost",
        "warns and fails over; users get in at the other one, and it is held at this one until that is mended",
        "held",
        f"{STORIES}test_one_of_two_balancers_that_refuses_its_configuration_comes_last_in_a_failover",
    ),
    Row(
        "the file of one of two nginx is mended while a failover is held at it",
        "goes on there: users get in at both",
        "success, 0 lost",
        f"{PLAYS}_balancers.py::fail_over_past_a_balancer",
    ),
    Row(
        "nginx's configuration is broken by hand in a run, between the test of its file and the reload",
        "stops nothing, puts its own file back all the same, and sees by a request where users are",
        "rolled back; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the certificate of the front has ended",
        "refuses: no request could prove what a run did; says whose it is",
        "plan refused; then success, 0 lost",
        REMEDIED,
    ),
    Row(
        "the certificate of the front has ended when the primary is lost",
        "warns; moves the database, stops where users come in, and says why; goes on with a good one",
        "held, then success with issues, 0 lost",
        f"{PLAYS}_front.py::fail_over_with_an_ended_certificate",
    ),
    Row(
        "nginx refuses the file that the console wrote",
        "puts the one from before back",
        "failed step, undone",
        "tests/lab/test_actions.py::test_a_file_that_nginx_does_not_accept_is_put_back",
    ),
    Row(
        "a certificate has expired, is not valid yet, or is for another name",
        "says which, with its dates; trusts nothing for it",
        "told",
        "tests/lab/test_web_driver.py::test_a_certificate_that_is_refused_is_still_described",
    ),
    Row(
        "a web node does not start behind the promotion (its certificate is spoilt)",
        "stops there: no way back by now; goes on once that is mended",
        "held, then success",
        f"{BROKEN}test_a_web_node_that_does_not_start_after_the_promotion_is_mended_and_the_run_gone_on_with",
    ),
    Row(
        "both sites are lost",
        "brings users to the alternate server, with the loss accepted by name",
        "success",
        "tests/lab/test_alternate.py::test_both_sites_are_lost_and_users_get_in_at_the_alternate_server",
    ),
    Row(
        "the disk is full before a restore",
        "says so before anybody is kept out",
        "failed, nothing done",
        "tests/lab/test_restore.py::test_a_disk_without_room_is_told_before_anybody_is_kept_out",
    ),
    Row(
        "the console dies between the two renames of a restore",
        "goes on there; a second time changes nothing",
        "success",
        "tests/lab/test_swap_database.py::test_who_goes_on_between_the_renames_finishes_and_a_second_time_changes_nothing",
    ),
    Row(
        "the disk fills up during a backup",
        "leaves nothing under a final name",
        "failed",
        "tests/lab/test_backup.py::test_a_full_disk_leaves_nothing_half_written_under_a_final_name",
    ),
    Row(
        "the file system of a backup's place fills up under a bundle, users at work",
        "takes away what it began, so that nothing of it is left; with room, another is made",
        "rolled back; then success, 0 lost",
        f"{PLAYS}_disk.py::fill_the_place_of_a_backup",
    ),
)
